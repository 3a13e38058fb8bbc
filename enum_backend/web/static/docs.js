"use strict";

const element = (tag, text, className) => {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  return node;
};

const table = (head, rows) => {
  const node = element("table");
  const header = node.appendChild(element("tr"));
  head.forEach((title) => header.append(element("th", title)));
  rows.forEach((row) => {
    const line = node.appendChild(element("tr"));
    row.forEach((cell) => line.append(element("td", cell)));
  });
  return node;
};

const resolve = (schema, all) => {
  if (!schema || !schema.$ref) return schema;
  return all[schema.$ref.split("/").pop()];
};

const operation = (path, method, spec, schemas) => {
  const box = element("details");
  const title = box.appendChild(element("summary"));
  title.append(element("span", method.toUpperCase(), "method"), element("code", path));
  title.append(" — " + spec.summary);
  if (spec.description) box.append(element("p", spec.description));
  if (spec.parameters.length) {
    box.append(element("h4", "Parameters"));
    box.append(table(["name", "in", "required"], spec.parameters.map(
      (p) => [p.name, p.in, p.required ? "yes" : ""])));
  }
  const body = spec.requestBody && spec.requestBody.content["application/json"].schema;
  if (body) {
    box.append(element("h4", "Body"));
    box.append(element("pre", JSON.stringify(resolve(body, schemas), null, 2)));
  }
  box.append(element("h4", "Answers"));
  box.append(table(["status", "meaning"], Object.entries(spec.responses).map(
    ([status, answer]) => [status, answer.description])));
  const [, { content: done }] = Object.entries(spec.responses).find(([status]) => status[0] === "2");
  if (done) box.append(element("pre", JSON.stringify(
    resolve(done["application/json"].schema, schemas), null, 2)));
  return box;
};

fetch("/openapi.json").then((answer) => answer.json()).then((document_) => {
  const main = document.getElementById("paths");
  main.textContent = "";
  Object.entries(document_.paths).forEach(([path, methods]) =>
    Object.entries(methods).forEach(([method, spec]) =>
      main.append(operation(path, method, spec, document_.components.schemas))));
}).catch((error) => {
  document.getElementById("paths").textContent = "The API document cannot be loaded: " + error;
});
