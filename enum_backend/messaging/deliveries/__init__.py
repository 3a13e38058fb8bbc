"""Handing inbound messages to their owners: webhook, e-mail, SMS."""
