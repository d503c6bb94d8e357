"""Published weights: cards, rule tables, and the one strict loader.

The only place that knows other frameworks' names and file formats, and, unlike the rest of `models`, one
that reads files.
"""
