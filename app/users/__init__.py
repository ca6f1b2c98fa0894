"""Who may use the desk: people, their sessions, their API tokens and the invitations they came by."""
