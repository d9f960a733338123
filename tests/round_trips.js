// node round_trips.js exceljs|sheetjs IN.xlsx OUT.xlsx [SHEET CELL NUMBER]: reads a workbook, types a number, saves it.
const [, , library, source, target, sheet, cell, number] = process.argv;
const trips = {
  exceljs: async () => {
    const {Workbook} = require("exceljs");
    const book = new Workbook();
    await book.xlsx.readFile(source);
    if (sheet) book.getWorksheet(sheet).getCell(cell).value = Number(number);
    await book.xlsx.writeFile(target);
  },
  sheetjs: async () => {
    const {readFile, writeFile} = require("xlsx");
    const book = readFile(source, {cellFormula: true, cellNF: true});
    if (sheet) book.Sheets[sheet][cell] = {t: "n", v: Number(number)};
    writeFile(book, target);
  },
};
trips[library]().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
