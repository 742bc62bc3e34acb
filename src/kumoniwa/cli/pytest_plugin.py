"""A pytest plugin: a cloud for test suites. The fixtures stand in ``cli/testing.py`` and come with the first release of the CLI."""
