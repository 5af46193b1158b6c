import * as z from 'zod';
import { configSchema } from './schema.ts';

/** The settings that the schema knows at a path. */
export function knownKeys(path: readonly PropertyKey[]): readonly string[] {
  let schema: z.core.$ZodType | undefined = objectWithin(configSchema);
  for (const step of path) {
    if (typeof step === 'number') continue;
    const inner: z.core.$ZodType | undefined = schema instanceof z.ZodObject ? schema.shape[String(step)] : undefined;
    schema = inner === undefined ? undefined : objectWithin(inner);
  }
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

/** The object among what a default, a list, a choice of forms or a conversion is wrapped around. */
function objectWithin(schema: z.core.$ZodType): z.core.$ZodType | undefined {
  if (schema instanceof z.ZodArray) return objectWithin(schema.element);
  if (schema instanceof z.ZodPipe) return objectWithin(schema.in);
  if (schema instanceof z.ZodUnion) {
    return schema.options.map((option) => objectWithin(option)).find((option) => option instanceof z.ZodObject);
  }
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return objectWithin(schema.unwrap());
  }
  return schema;
}
