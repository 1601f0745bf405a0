"""The one seam where Azure's libraries are met: clients, credentials, errors. Nothing else imports ``azure``."""
