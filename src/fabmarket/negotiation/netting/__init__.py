"""Net cycles among participants: what a party enters, checks and signs, what a coordinator does."""
