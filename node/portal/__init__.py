"""The citizen's portal: file a report, get a receipt, follow it.

It keeps no session, no cookie but the language's, and nothing of what is typed: a form's answers travel in the page
until the report is stored.
"""
