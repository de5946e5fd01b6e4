import type { Column } from '../resources/resource.ts';

export const nameColumn: Column = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description: 'Name of the object, unique in its namespace.',
  priority: 0,
};
export const ageColumn: Column = {
  name: 'Age',
  type: 'string',
  format: '',
  description: 'Time since the object was created.',
  priority: 0,
};

/** A column that is always shown. */
export function column(name: string, description: string, type: Column['type'] = 'string'): Column {
  return {
    name,
    type,
    format: '',
    description,
    priority: 0,
  };
}

/** A column that `-o wide` shows. */
export function wideColumn(name: string, description: string): Column {
  return {
    name,
    type: 'string',
    format: '',
    description,
    priority: 1,
  };
}
