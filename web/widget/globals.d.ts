declare module "virtual:panel" {
  /** Where the panel's first module lies, beside widget.js. */
  const path: string;
  export default path;
}
