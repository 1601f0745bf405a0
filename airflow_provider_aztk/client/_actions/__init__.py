"""What the client does, one file for each family of actions; ``_requests.py`` says what an action is."""
