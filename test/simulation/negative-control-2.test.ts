import { testFaultsOf } from "./negative-control.ts";

testFaultsOf(1);
