/** STUB */
export type CipherName = string;
