import { KmsError, validationError } from './kms-error.ts';

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Smallest and largest length or value that KMS's model allows. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** KMS names a member in its messages with a small first letter. */
function memberName(name: string): string {
  return `${name.charAt(0).toLowerCase()}${name.slice(1)}`;
}

function checkRange(value: number, range: Range, subject: { readonly name: string; readonly what: string }): void {
  const at = `at '${memberName(subject.name)}'`;
  if (value < range.min) {
    throw validationError(at, `Member must have ${subject.what} greater than or equal to ${range.min}`);
  }
  if (value > range.max) {
    throw validationError(at, `Member must have ${subject.what} less than or equal to ${range.max}`);
  }
}

/** The members of one request, read with the checks of KMS's model. A member that is null counts as absent. */
export class Input {
  readonly #members: Readonly<Record<string, unknown>>;

  /** @throws KmsError `SerializationException` when `body` is not a JSON object. */
  constructor(body: unknown) {
    if (typeof body !== 'object' || body === null || Array.isArray(body)) {
      throw new KmsError('SerializationException', 'The request body is not a JSON object');
    }
    this.#members = body as Record<string, unknown>;
  }

  #optional<T extends string | number | boolean>(name: string, isType: (value: unknown) => value is T): T | undefined {
    const value = Object.hasOwn(this.#members, name) ? this.#members[name] : undefined;
    if (value === undefined || value === null) return undefined;
    if (isType(value)) return value;
    throw new KmsError('SerializationException', `The member ${name} cannot be of type ${typeof value}`);
  }

  /** Whether the member is there and is not an empty list or object. */
  has(name: string): boolean {
    const value = this.#members[name];
    return value !== undefined && value !== null && Object.keys(value).length > 0;
  }

  optionalText(name: string, length: Range): string | undefined {
    const value = this.#optional(name, (candidate) => typeof candidate === 'string');
    if (value !== undefined) checkRange(value.length, length, { name, what: 'length' });
    return value;
  }

  text(name: string, length: Range): string {
    return this.optionalText(name, length) ?? this.#missing(name);
  }

  /** A base64 member, decoded; `length` is in decoded bytes. */
  blob(name: string, length: Range): Buffer {
    const value = this.#optional(name, (candidate) => typeof candidate === 'string') ?? this.#missing(name);
    if (!BASE64.test(value)) throw new KmsError('SerializationException', `The member ${name} is not base64`);
    const bytes = Buffer.from(value, 'base64');
    checkRange(bytes.length, length, { name, what: 'length' });
    return bytes;
  }

  optionalNumber(name: string, range: Range): number | undefined {
    const value = this.#optional(name, (candidate) => typeof candidate === 'number');
    if (value !== undefined) checkRange(value, range, { name, what: 'value' });
    return value;
  }

  /** A boolean member; absent is false. */
  flag(name: string): boolean {
    return this.#optional(name, (candidate) => typeof candidate === 'boolean') ?? false;
  }

  optionalChoice<const T extends string>(name: string, choices: readonly T[]): T | undefined {
    const value = this.#optional(name, (candidate) => typeof candidate === 'string');
    if (value === undefined) return undefined;
    const found = choices.find((choice) => choice === value);
    if (found !== undefined) return found;
    const set = `Member must satisfy enum value set: [${choices.join(', ')}]`;
    throw validationError(`'${value}' at '${memberName(name)}'`, set);
  }

  #missing(name: string): never {
    throw validationError(`null at '${memberName(name)}'`, 'Member must not be null');
  }
}
