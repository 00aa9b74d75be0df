import { render } from "preact";
import "uplot/dist/uPlot.min.css";
import { App } from "./app";
import { startRouter } from "./router";
import { startSession } from "./session";
import "./style.css";
import "./views.css";
import "./pages.css";

const root = document.getElementById("app");
if (root === null) throw new Error("index.html has no #app");
startRouter();
startSession();
render(<App />, root);
