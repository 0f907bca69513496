import "@kit/ui/base.css";
