// node round_trips.js exceljs|sheetjs IN.xlsx OUT.xlsx [SHEET CELL NUMBER]: reads a workbook, types a number, saves it.
// node round_trips.js exceljs|sheetjs IN.xlsx: prints the stored value of every formula cell.
const [, , library, source, target, sheet, cell, number] = process.argv;
const trips = {
  exceljs: async () => {
    const {Workbook} = require("exceljs");
    const book = new Workbook();
    await book.xlsx.readFile(source);
    if (!target) {
      const cells = [];
      for (const each of book.worksheets)
        each.eachRow((row) => row.eachCell((one) => {
          if (one.formula) cells.push([each.name, one.address, one.result?.error ?? one.result ?? null]);
        }));
      return process.stdout.write(JSON.stringify(cells));
    }
    if (sheet) book.getWorksheet(sheet).getCell(cell).value = Number(number);
    await book.xlsx.writeFile(target);
  },
  sheetjs: async () => {
    const {readFile, writeFile} = require("xlsx");
    const book = readFile(source, {cellFormula: true, cellNF: true});
    if (!target) {
      const cells = Object.entries(book.Sheets).flatMap(([name, each]) =>
        Object.entries(each).filter(([, one]) => one.f).map(([address, one]) => [name, address, one.v ?? null]));
      return process.stdout.write(JSON.stringify(cells));
    }
    if (sheet) book.Sheets[sheet][cell] = {t: "n", v: Number(number)};
    writeFile(book, target);
  },
};
trips[library]().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
