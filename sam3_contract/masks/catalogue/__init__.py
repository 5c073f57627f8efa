"""Every defect of a mask, with its code, its meaning and how to mend it."""
