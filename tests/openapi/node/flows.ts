// A client that is generated from the document does what people do, against the Till at TILL_URL.
import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "./openapi.js";

declare const process: { env: Record<string, string | undefined> };

type Till = Client<paths>;
type Problem = components["schemas"]["Problem"];
type Answer<Data> = { data?: Data; error?: unknown; response: Response };

const setting = (name: string): string => process.env[name] ?? fail(`${name} is not set`);
const fail = (why: string): never => {
  throw new Error(why);
};
const same = (actual: unknown, expected: unknown): void => {
  if (JSON.stringify(actual) !== JSON.stringify(expected)) fail(`${JSON.stringify(actual)}, not ${JSON.stringify(expected)}`);
};
const succeeded = async <Data>(answering: Promise<Answer<Data>>): Promise<Data> => {
  const { data, error, response } = await answering;
  return data ?? fail(`${response.url}: ${response.status} ${JSON.stringify(error)}`);
};

const url = setting("TILL_URL");
const password = setting("PASSWORD");
const nobody = createClient<paths>({ baseUrl: url });
const key = () => ({ header: { "Idempotency-Key": crypto.randomUUID() } });

async function signedIn(email: string): Promise<Till> {
  const { access } = await succeeded(nobody.POST("/api/v1/auth/login", { body: { email, password } }));
  return createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${access}` } });
}

async function newcomer(email: string): Promise<Till> {
  const registered = await succeeded(nobody.POST("/api/v1/auth/register", { body: { email, password } }));
  const token = registered.activation_url?.split("/").pop() ?? fail("there is no link");
  const activated = await succeeded(nobody.POST("/api/v1/auth/activate/{token}", { params: { path: { token } } }));
  same(activated.status, "activated");
  return signedIn(email);
}

const open = (till: Till) => succeeded(till.POST("/api/v1/wallets", { body: { currency: "USD" } }));

async function payIn(till: Till, service: Till, wallet: number): Promise<void> {
  const body = { wallet, amount: "100.00" };
  const preview = await till.POST("/api/v1/deposits", { params: { query: { dry_run: true }, ...key() }, body });
  same(preview.data?.id, null);
  const deposit = await succeeded(till.POST("/api/v1/deposits", { params: key(), body }));
  const path = { id: deposit.id ?? fail("a deposit has no id") };
  same((await succeeded(service.PUT("/api/v1/deposits/{id}/status", { params: { path }, body: { status: "paid" } }))).status, "paid");
}

async function spend(till: Till, wallet: number, savings: number): Promise<void> {
  const product = Number(setting("PRODUCT"));
  const purchase = await succeeded(till.POST("/api/v1/purchases", { params: key(), body: { product, wallet } }));
  same(purchase.amount, "25.00");
  const body = { source: wallet, destination: savings, amount: "10.50" };
  same((await succeeded(till.POST("/api/v1/transfers", { params: key(), body }))).amount, "10.50");
}

async function read(till: Till, wallet: number): Promise<void> {
  const path = { id: wallet };
  same((await succeeded(till.GET("/api/v1/wallets/{id}", { params: { path } }))).balance, "64.50");
  const statement = await succeeded(till.GET("/api/v1/wallets/{id}/statement", { params: { path } }));
  same(statement.lines.map((line) => line.amount), ["100.00", "-25.00", "-10.50"]);
  const csv = await succeeded(till.GET("/api/v1/wallets/{id}/statement.csv", { params: { path }, parseAs: "text" }));
  same(csv.includes("closing balance"), true);
  const me = await succeeded(till.GET("/api/v1/users/me", { params: { query: { include: ["wallets", "transactions"] } } }));
  same(me.transactions?.length, 3);
}

async function beRefused(till: Till, source: number, destination: number): Promise<void> {
  const body = { source, destination, amount: "1000.00" };
  const { error, response } = await till.POST("/api/v1/transfers", { params: key(), body });
  const problem: Problem = error ?? fail("the transfer was not refused");
  same([response.status, problem.code, problem.errors], [409, "insufficient_funds", []]);
}

const alice = await newcomer("typescript@example.com");
const wallet = await open(alice);
const savings = await open(alice);
same(wallet.id > 1e15 && Number.isSafeInteger(wallet.id), true);
await payIn(alice, await signedIn(setting("SERVICE")), wallet.id);
await spend(alice, wallet.id, savings.id);
await read(alice, wallet.id);
await beRefused(alice, wallet.id, savings.id);
console.log("A generated client did it all.");
