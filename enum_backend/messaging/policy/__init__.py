"""What may be sent to whom: destinations, opt-outs, keywords, sticky senders, spend alerts.

No entry point has rules of its own; all of them send through `messaging.service`,
which asks here.
"""
