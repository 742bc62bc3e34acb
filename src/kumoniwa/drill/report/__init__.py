"""What a person looks at: one document, told as a page, as JSON, as JUnit and as Markdown.

``document`` (everything a report says, as plain data), ``page`` (one HTML file), ``charts`` and ``places`` (its pictures),
``machines`` (JUnit and Markdown), ``terminal`` (a line per objective).
"""
