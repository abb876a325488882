"""The page that a person looks at: what the account holds, what was asked, what was refused.

It only reads, with GET, and needs no key; see README.md. Its HTML stands in `templates/`, its style
and its script in `static/`. Nothing is built and nothing is loaded from elsewhere.
"""
