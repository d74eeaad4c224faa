import { render } from "preact";
import { App } from "./app";
import { applyTheme, startPolling } from "./store";

applyTheme();
startPolling();
render(<App />, document.getElementById("page")!);
