//! axe-core, which finds what keeps people from using a page: <https://github.com/dequelabs/axe-core>.

use std::fs;

use fantoccini::Client;
use playground::folders;

/// Where scripts/tools.sh puts it.
const FILE: &str = "target/tools/python/axe/axe_playwright_python/axe.min.js";

/// Each rule that the page breaks, and where.
const RUN: &str = "
    const done = arguments[arguments.length - 1];
    const told = ({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(node => `${node.target}: ${node.failureSummary}`).join('; ')}`;
    axe.run().then(({ violations }) => done(violations.map(told)), problem => done([String(problem)]));
";

pub(super) async fn violations(client: &Client) -> Vec<String> {
    let axe = fs::read_to_string(folders::workspace().join(FILE)).unwrap();
    client.execute(&axe, vec![]).await.unwrap();
    serde_json::from_value(client.execute_async(RUN, vec![]).await.unwrap()).unwrap()
}
