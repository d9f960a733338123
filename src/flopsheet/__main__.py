"""`python -m flopsheet`."""

from flopsheet.cli import main

main()
