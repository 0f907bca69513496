"""Pages behind the signed links of mails: for people who do not sign in."""
