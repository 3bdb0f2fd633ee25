import * as Sentry from "@sentry/node";
import { pay } from "./cart.mjs";

Sentry.init({ dsn: process.env.DSN });

pay({ items: null });
