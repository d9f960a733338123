"""How far a run goes: the last value of an input with which it still fits."""
