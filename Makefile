# Every target sets up what it needs; nothing but Python 3.11 (and Node for the tests) is expected.
.DEFAULT_GOAL := help
