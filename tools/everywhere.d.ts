/** The few globals outside the language that every engine has, and that lib/ may therefore use. */

declare function btoa(binaryText: string): string;
declare function atob(base64: string): string;
