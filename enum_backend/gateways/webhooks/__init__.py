"""What providers call us with: signed webhooks, one file per provider."""
