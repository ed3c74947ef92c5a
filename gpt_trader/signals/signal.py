"""TEMP"""
import struct, math
class Signal:
    def __init__(self, strategy, params):
        self.p = strategy.values(params); self.closes=[]; self.target=math.nan; self.name=strategy.name; self.n=0
    def update(self, c):
        self.n+=1
        if self.name=="dev_life":
            self.target = 1.0 if self.p["entry_after"]<=self.n<self.p["exit_after"] else 0.0
            return
        self.closes.append(float(c.close)); self.closes=self.closes[-int(self.p["slow"]):]
        if len(self.closes)<self.p["slow"]: return
        f=sum(self.closes[-int(self.p["fast"]):])/self.p["fast"]; s=sum(self.closes)/self.p["slow"]
        self.target = 1.0 if f>s else 0.0
    def freeze(self): 
        import json; return json.dumps([self.closes,self.target,self.n]).encode()
    def thaw(self,b):
        import json; self.closes,self.target,self.n=json.loads(b)
