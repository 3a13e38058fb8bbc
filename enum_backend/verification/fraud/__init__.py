"""Guard against codes that are asked for so that somebody earns from each (SMS pumping)."""
