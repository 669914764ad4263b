/** Of all events: it grows when the data of one loses or renames a field. */
export const schemaVersion = 1
