// Reads a workbook with exceljs or SheetJS and prints the stored value of every formula cell; exceljs also saves it.
//
//     node programs.mjs exceljs|sheetjs FOLDER_OF_MODULES WORKBOOK [TARGET]

import { createRequire } from "node:module";

const [program, modules, path, target] = process.argv.slice(2);
const load = createRequire(`${modules}/`);
const cells = [];

if (program === "exceljs") {
  const { Workbook } = load("exceljs");
  const book = new Workbook();
  await book.xlsx.readFile(path);
  for (const sheet of book.worksheets)
    sheet.eachRow((row) => row.eachCell((cell) => {
      if (cell.formula) cells.push([sheet.name, cell.address, cell.result?.error ?? cell.result ?? null]);
    }));
  if (target) await book.xlsx.writeFile(target);
} else {
  const { readFile } = load("xlsx");
  const book = readFile(path);
  for (const name of book.SheetNames)
    for (const [address, cell] of Object.entries(book.Sheets[name]))
      if (cell.f) cells.push([name, address, cell.v ?? null]);
}
process.stdout.write(JSON.stringify(cells));
