"""The keys of the configuration, a module for each theme; `config.py` puts them together."""
