"""Mail that a provider holds for us: its webhooks believed or not, its content fetched, its list compared with ours."""
