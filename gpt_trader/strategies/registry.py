"""TEMP"""
class S:
    def __init__(s,name,d): s.name=name; s.d=d
    def values(s,g): return {**s.d,**g}
def strategy_named(n): return S(n,{"fast":30.,"slow":120.} if n!="dev_life" else {"entry_after":3.,"exit_after":10.})
def strategy_names(): return ("ma_crossover","dev_life")
