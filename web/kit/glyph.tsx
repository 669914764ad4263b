/** One outline icon, drawn in the text's colour. Never alone: what it stands for is the name of the control around it. */
export function Glyph({ path, size = 20 }: { readonly path: string; readonly size?: number }) {
  return (
    <svg className="icon" width={size} height={size} viewBox="0 0 24 24" aria-hidden="true">
      <path d={path} />
    </svg>
  )
}
