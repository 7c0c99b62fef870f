"""The round protocol: pure state machines and the messages they exchange."""
