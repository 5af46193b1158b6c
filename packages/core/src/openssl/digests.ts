/** STUB */
export type DigestName = string;
