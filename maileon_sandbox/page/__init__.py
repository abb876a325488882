"""The web page for people: the account's contents, the calls, and what was refused.

It only reads, with GET, and needs no key; see README.md. Its HTML is in `templates/`, its style and
script in `static/`. Nothing is built, and nothing is loaded from elsewhere.
"""
