/** The design system: what screens are made of. */
export { Avatar } from "./avatar";
export { Badge, type Tone } from "./badge";
export { Button, IconButton } from "./button";
export { Dialog } from "./dialog";
export { Checkbox, Field, Select, TextArea, TextField } from "./field";
export { Menu, MenuItem, MenuLine } from "./menu";
export { type Choice, Picker } from "./picker";
export { Section } from "./section";
export { moved, SortableList } from "./sortable";
export { Empty, Failure, Loaded, Skeleton } from "./states";
export { ToastProvider, useToast } from "./toast";
export { Tooltip } from "./tooltip";
