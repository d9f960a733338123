"""The numbers of a report outside the workbook: rows, tables, explanations."""
