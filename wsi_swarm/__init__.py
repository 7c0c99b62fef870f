"""The application: command line, project file, swarm, studies and demo."""

__version__ = "0.1.0"
