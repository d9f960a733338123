"""The workbook: a plan of plain frozen data first, openpyxl last."""
