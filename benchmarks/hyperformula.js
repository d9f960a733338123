// node hyperformula.js BOOK.xlsx < {"edits": [[[sheet, address, value], …], …], "cells": [[sheet, address], …]}
// Prints the values of the cells after each of the edits, which start from the workbook as it is. Set as other
// spreadsheet programs are: values are not rounded to ten digits, and an empty cell that a formula reads is 0.
const {readFileSync} = require("fs");
const XLSX = require("xlsx");
const {HyperFormula} = require("hyperformula");
const {edits, cells} = JSON.parse(readFileSync(0, "utf8"));
const book = XLSX.readFile(process.argv[2], {cellFormula: true});
const content = (cell) => {
  if (!cell) return null;
  if (cell.f !== undefined) return `=${cell.f}`;
  return typeof cell.v === "string" ? `'${cell.v}` : cell.v; // a text stays one, whatever it looks like
};
const grid = (sheet) => {
  const {e: {r: bottom, c: right}} = XLSX.utils.decode_range(sheet["!ref"] || "A1");
  return Array.from({length: bottom + 1}, (_, r) =>
    Array.from({length: right + 1}, (_, c) => content(sheet[XLSX.utils.encode_cell({r, c})])));
};
const sheets = Object.fromEntries(book.SheetNames.map((name) => [name, grid(book.Sheets[name])]));
const results = edits.map((edit) => {
  const engine = HyperFormula.buildFromSheets(sheets, {licenseKey: "gpl-v3", maxRows: 100000, smartRounding: false, evaluateNullToZero: true});
  const place = (sheet, address) => engine.simpleCellAddressFromString(address, engine.getSheetId(sheet));
  for (const [sheet, address, value] of edit) engine.setCellContents(place(sheet, address), [[value]]);
  return cells.map(([sheet, address]) => {
    const value = engine.getCellValue(place(sheet, address));
    return value && typeof value === "object" ? value.value : value;
  });
});
process.stdout.write(JSON.stringify(results));
