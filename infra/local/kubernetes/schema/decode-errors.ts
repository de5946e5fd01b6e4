import { isList } from '../json.ts';
import { StatusError } from '../status.ts';

/** The position of a value, as steps from itself upwards. Formatted only for an error. */
export interface Place {
  readonly above: Place | undefined;
  /** A field of a struct, an item of a list, or an entry of a map. */
  readonly step: { readonly field: string } | { readonly item: number } | { readonly entry: string };
}

export interface Decoding {
  /** `Job`: how the object is called in errors. */
  readonly kind: string;
  readonly unknownFields: string[];
}

/** 400 for an invalid body. `fault` is the decoder's message, for callers with another message. */
export class DecodeError extends StatusError {
  readonly fault: string;

  constructor(kind: string, fault: string) {
    super(400, 'BadRequest', `${kind} in version "v1" cannot be handled as a ${kind}: ${fault}`);
    this.fault = fault;
  }
}

/** `spec.template.spec.containers[0].image`, for unknown fields. */
export function pathOf(place: Place | undefined): string {
  if (place === undefined) return '';
  const above = pathOf(place.above);
  if ('item' in place.step) return `${above}[${place.step.item}]`;
  const name = 'field' in place.step ? place.step.field : place.step.entry;
  return above === '' ? name : `${above}.${name}`;
}

/** encoding/json's sentence for a value that does not fit; `owner` is the struct that holds the field. */
export function unmarshalMessage(value: unknown, place: Place | undefined, owner: string, goType: string): string {
  const shape = isList(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  const what = typeof value === 'number' && !Number.isInteger(value) ? `number ${value}` : shape;
  const goField = goFieldOf(place);
  if (goField === '') return `json: cannot unmarshal ${what} into Go value of type ${goType}`;
  return `json: cannot unmarshal ${what} into Go struct field ${owner.split('.')[1] ?? owner}.${goField} of type ${goType}`;
}

/** `spec.template.spec.containers.image`, for values of the wrong type. */
function goFieldOf(place: Place | undefined): string {
  if (place === undefined) return '';
  const above = goFieldOf(place.above);
  if (!('field' in place.step)) return above;
  return above === '' ? place.step.field : `${above}.${place.step.field}`;
}

export function decodeError(decoding: Decoding, fault: string): DecodeError {
  return new DecodeError(decoding.kind, fault);
}
