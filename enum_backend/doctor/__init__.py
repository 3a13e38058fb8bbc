"""Looks an installation over, and says of each thing it finds how to put it right."""
