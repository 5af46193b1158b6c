import { vi } from 'vitest';

/** Makes the process look as if only these variables of AWS's were set; `vi.unstubAllEnvs()` undoes it. */
export function stubAwsEnvironment(environment: Readonly<Record<string, string>>): void {
  for (const name of Object.keys(process.env)) {
    if (name.startsWith('AWS_')) vi.stubEnv(name, undefined);
  }
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
}
