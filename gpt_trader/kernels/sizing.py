"""TEMP"""
import math
UNKNOWN_LOTS = -1
def target_lots_step(fraction, size_fraction, equity, mark_ticks, num, den, vol, vol_target):
    if mark_ticks <= 0: return UNKNOWN_LOTS
    s = 1.0
    if vol_target > 0:
        if vol != vol: return UNKNOWN_LOTS
        s = min(1.0, vol_target/vol)
    return int(math.floor(fraction*size_fraction*s*equity*den/(mark_ticks*num)))
