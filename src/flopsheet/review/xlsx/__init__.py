"""An .xlsx file that a spreadsheet program saved: parts, cells, formula text."""
