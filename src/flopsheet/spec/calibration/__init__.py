"""The efficiencies of hardware, fitted to the measured rows of a spec."""
